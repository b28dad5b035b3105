"""What passkeys prove: W3C Web Authentication Level 3, the part of the relying party.

    options.creation(…), options.request(…)   what the page hands to navigator.credentials
    answer.parse(text)                        what it sends back, as JSON in a form field
    registration.register(…)                  a new passkey
    assertion.sign_in(…)                      that a known passkey signed this challenge here

Pure functions: no database, no network, no clock. Who calls them makes each challenge from CHALLENGE_BYTES random bytes,
lets it be answered once, and looks up the passkey. An answer is hostile bytes: it proves something, or it is Refused.

Attestation is neither asked for nor looked at. It would say which model of authenticator made a key, and anybody may bring
any; without roots to trust, a statement proves no more than none at all does (7.1).
"""
