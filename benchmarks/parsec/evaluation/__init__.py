# SPDX-License-Identifier: MIT
"""The evaluation: workloads under configurations, what they cost, and the report of it."""
