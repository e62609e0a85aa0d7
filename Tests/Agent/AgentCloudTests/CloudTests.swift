import AgentHost
