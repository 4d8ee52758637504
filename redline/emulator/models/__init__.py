"""What the emulator knows: bars, corporate actions and reference data of one folder."""
