"""The client of a Zerto Virtual Manager (ZVM): logs in, asks, reads answers within limits, makes rows of them."""
