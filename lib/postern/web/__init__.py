"""Floor 3: HTTP. A handler reads the request, calls store or flow, returns a response."""
