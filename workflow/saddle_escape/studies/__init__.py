"""What each figure computes: functions from a section of the config to tables and datasets."""
