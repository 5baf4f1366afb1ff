"""The house against programs that we did not write: audits, clients and providers from npm (see package.json)."""
