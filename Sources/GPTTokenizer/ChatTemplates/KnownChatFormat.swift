/// Conversation formats for models that come without a template, written as templates.
public enum KnownChatFormat {
  public static let names = sources.keys.sorted()

  static let sources: [String: String] = [
    "chatml": chatML, "llama2": llama2, "llama3": llama3, "mistral": mistral, "gemma": gemma,
    "zephyr": zephyr, "phi3": phi3, "alpaca": alpaca,
  ]

  private static let chatML = """
    {%- for message in messages -%}
    {{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
    {%- endfor -%}
    {%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}
    """

  /// - Source: Touvron et al. 2023, arXiv:2307.09288, and the `chat_completion` beside it
  private static let llama2 = """
    {%- set ns = namespace(system='') -%}
    {%- for message in messages -%}
    {%- if message.role == 'system' -%}
    {%- set ns.system = '<<SYS>>\\n' + message.content + '\\n<</SYS>>\\n\\n' -%}
    {%- elif message.role == 'user' -%}
    {{ bos_token + '[INST] ' + ns.system + message.content.strip() + ' [/INST]' }}
    {%- set ns.system = '' -%}
    {%- else -%}
    {{ ' ' + message.content.strip() + ' ' + eos_token }}
    {%- endif -%}
    {%- endfor -%}
    """

  private static let llama3 = """
    {{- bos_token -}}
    {%- for message in messages -%}
    {{ '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' }}
    {{- message.content | trim }}{{ '<|eot_id|>' }}
    {%- endfor -%}
    {%- if add_generation_prompt -%}
    {{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
    {%- endif -%}
    """

  private static let mistral = """
    {{- bos_token -}}
    {%- set ns = namespace(system='') -%}
    {%- for message in messages -%}
    {%- if message.role == 'system' -%}{%- set ns.system = message.content + '\\n\\n' -%}
    {%- elif message.role == 'user' -%}
    {{ '[INST] ' + ns.system + message.content + ' [/INST]' }}{%- set ns.system = '' -%}
    {%- else -%}{{ ' ' + message.content + eos_token }}
    {%- endif -%}
    {%- endfor -%}
    """

  private static let gemma = """
    {{- bos_token -}}
    {%- set ns = namespace(system='') -%}
    {%- for message in messages -%}
    {%- if message.role == 'system' -%}{%- set ns.system = message.content + '\\n\\n' -%}
    {%- else -%}
    {{ '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\\n' }}
    {{- ns.system + message.content | trim }}{{ '<end_of_turn>\\n' }}{%- set ns.system = '' -%}
    {%- endif -%}
    {%- endfor -%}
    {%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}
    """

  private static let zephyr = """
    {%- for message in messages -%}
    {{ '<|' + message.role + '|>\\n' + message.content + eos_token + '\\n' }}
    {%- endfor -%}
    {%- if add_generation_prompt -%}{{ '<|assistant|>\\n' }}{%- endif -%}
    """

  private static let phi3 = """
    {%- for message in messages -%}
    {{ '<|' + message.role + '|>\\n' + message.content + '<|end|>\\n' }}
    {%- endfor -%}
    {%- if add_generation_prompt -%}{{ '<|assistant|>\\n' }}{%- endif -%}
    """

  /// - Source: Taori et al. 2023, Stanford Alpaca
  private static let alpaca = """
    {%- for message in messages -%}
    {%- if message.role == 'system' -%}{{ message.content + '\\n\\n' }}
    {%- elif message.role == 'user' -%}{{ '### Instruction:\\n' + message.content + '\\n\\n' }}
    {%- else -%}{{ '### Response:\\n' + message.content + eos_token + '\\n\\n' }}
    {%- endif -%}
    {%- endfor -%}
    {%- if add_generation_prompt -%}{{ '### Response:\\n' }}{%- endif -%}
    """
}
