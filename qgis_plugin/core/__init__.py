# SPDX-License-Identifier: GPL-2.0-or-later
"""What the plugin knows of layers and bundles; no widgets."""
