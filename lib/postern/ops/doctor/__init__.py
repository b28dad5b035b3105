"""The doctor: looks at an instance as it is, and says what to do where that is not right. The registry holds its checks."""
