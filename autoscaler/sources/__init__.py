"""Sources: adapters that answer queries with samples. One file each; none imports another."""
