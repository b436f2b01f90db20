# SPDX-License-Identifier: MIT
"""Measures what the project promises: one file a point, and what they share."""
