"""The agents that ship, as entry points name them."""

from harness.agents.recipes.agent import from_name

Aider = from_name("aider")
ClaudeCode = from_name("claude-code")
Codex = from_name("codex")
GeminiCli = from_name("gemini-cli")
Opencode = from_name("opencode")
QwenCode = from_name("qwen-code")
