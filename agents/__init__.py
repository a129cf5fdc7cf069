"""Who works: models, agents, tools, credentials, and the one door to every language model."""
