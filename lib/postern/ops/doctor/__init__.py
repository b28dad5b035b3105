"""The doctor: looks at one part of an instance as it is, and says what to do where that is not right."""
