"""Everything that talks to a Zerto Virtual Manager (ZVM). Knows Zerto, not Prometheus."""
