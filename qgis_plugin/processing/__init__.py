# SPDX-License-Identifier: GPL-2.0-or-later
"""Algorithms for the Processing toolbox, models and qgis_process."""
