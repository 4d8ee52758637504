"""What each page shows, computed beforehand: frozen values, so that templates only loop and print."""
