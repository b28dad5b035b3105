"""Floor 4: the operator's command line. Nouns then verbs; one file a noun. No SQL, no rules."""
