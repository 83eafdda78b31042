# SPDX-License-Identifier: GPL-2.0-or-later
"""The toolkit as a process: found, started, talked to."""
