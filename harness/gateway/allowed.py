"""What a request to a model may say: fields and tools that the gateway knows, by API.

An allow-list: what a provider adds tomorrow, and what servers that speak its API have invented, may
search the web, choose another model or cost more. A field belongs here if it says what the model is
told or how it is to answer, and nothing of what else the provider does.
"""

from __future__ import annotations

from collections.abc import Mapping

FIELDS: Mapping[str, frozenset[str]] = {
    "chat": frozenset(
        (
            *("model", "messages", "tools", "tool_choice", "parallel_tool_calls"),
            *("functions", "function_call", "response_format", "prediction", "n", "stop"),
            *("stream", "stream_options", "max_tokens", "max_completion_tokens", "seed"),
            *("temperature", "top_p", "top_k", "min_p", "top_a", "logit_bias", "logprobs"),
            *("top_logprobs", "frequency_penalty", "presence_penalty", "repetition_penalty"),
            *("reasoning_effort", "verbosity", "metadata", "store", "user", "safety_identifier"),
            *("prompt_cache_key", "prompt_cache_retention", "cache_control"),
            # Of servers with OpenAI's API: how much is thought, and how a prompt is laid out.
            *("reasoning", "include_reasoning", "thinking", "thinking_budget", "enable_thinking"),
            *("preserve_thinking", "reasoning_split", "chat_template_kwargs", "chat_template_args"),
            *("usage", "tool_stream", "vl_high_resolution_images"),
        )
    ),
    "responses": frozenset(
        (
            *("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls"),
            *("max_output_tokens", "max_tool_calls", "temperature", "top_p", "top_logprobs"),
            *("reasoning", "text", "include", "truncation", "context_management", "stream"),
            *("stream_options", "store", "metadata", "client_metadata", "user"),
            *("safety_identifier", "prompt_cache_key", "prompt_cache_retention"),
        )
    ),
    "messages": frozenset(
        (
            *("model", "messages", "system", "tools", "tool_choice", "max_tokens", "stream"),
            *("temperature", "top_p", "top_k", "stop_sequences", "thinking", "metadata"),
            *("context_management", "output_config", "output_format", "cache_control", "betas"),
        )
    ),
    "gemini": frozenset(
        (
            *("contents", "tools", "toolConfig", "tool_config", "safetySettings"),
            *("safety_settings", "systemInstruction", "system_instruction", "generationConfig"),
            *("generation_config", "labels"),
        )
    ),
}
"""Fields of a request."""

CLIENT_TOOLS: Mapping[str, tuple[str, ...]] = {
    "chat": ("function", "custom"),
    "responses": (
        *("function", "custom", "local_shell", "apply_patch", "namespace", "tool_search", "shell"),
    ),
    "messages": ("custom", "bash_", "text_editor_", "memory_", "tool_search_tool_"),
}
"""Types of tools that the client runs itself, or their beginnings where a date follows."""
TOOL_FIELDS: Mapping[str, frozenset[str]] = {
    "chat": frozenset(("type", "function", "custom", "cache_control")),
    "responses": frozenset(
        (
            *("type", "name", "description", "parameters", "strict", "format", "tools"),
            *("environment", "execution", "defer_loading", "output_schema"),
        )
    ),
    "messages": frozenset(
        (
            *("type", "name", "description", "input_schema", "strict", "cache_control"),
            *("max_characters", "defer_loading", "input_examples", "eager_input_streaming"),
        )
    ),
    "gemini": frozenset(("functionDeclarations", "function_declarations")),
}
"""Fields of a tool. Where a tool names no type, they are what tells a function from a search."""
TOLD: Mapping[str, tuple[str, ...]] = {
    "chat": ("function", "custom"),
    "responses": ("type",),
    "messages": ("name",),
    "gemini": ("functionDeclarations", "function_declarations"),
}
"""Of these fields a tool has at least one; what has none is no tool of a client."""
SOURCES = ("base64", "text", "content")
"""How a document or an image of `messages` is sent along; any other source has to be fetched."""
