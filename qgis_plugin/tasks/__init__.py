# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs beside QGIS's main thread."""
