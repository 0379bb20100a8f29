"""What goes onto a board, and how: building the firmware, and more."""
