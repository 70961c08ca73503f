"""What customers write: themes, telling words, and what goes with a feeling."""
