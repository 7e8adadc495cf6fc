"""wmctl on several hosts over real NFS; each host is a User Mode Linux kernel of its own."""
