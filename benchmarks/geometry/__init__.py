"""What the pages on geometry claim, measured."""
