"""What lies between accepted rows and reports: declared steps, and what keeps and does them."""
