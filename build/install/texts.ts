// Files of settings that an installation brings along, with nothing set.

export const agentEnvironment = `# Settings of the agent as HOLDFAST_* variables (man holdfast), for the units of systemd.
#HOLDFAST_CONFIG=/etc/holdfast/agent.yaml
#HOLDFAST_LOG_LEVEL=debug
`

export const hubEnvironment = `# Settings of the hub as HOLDFAST_HUB_* variables (man holdfast-hub), for its unit of systemd.
`

export const hubSettings = `# Settings of the hub; flags of \`holdfast-hub serve\` have the same names. The address that devices reach it at comes first.
#url: https://hub.example.org:8443
`
