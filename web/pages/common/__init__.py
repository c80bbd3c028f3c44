"""What every page uses: access, formatting, security headers, labels, typed numbers."""
