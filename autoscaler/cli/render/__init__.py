"""Pure drawing: values in, rich renderables out. Nothing here reads, writes or asks the time."""
