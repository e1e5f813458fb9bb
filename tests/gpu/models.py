#!/usr/bin/env python3
"""Folders of models without weights: the published shapes and a tokenizer, for `vllm serve --load-format dummy`.

    models.py OUT TEXTFILE      needs the package tokenizers; any English text of some megabytes will do

Random weights cost what trained ones cost, and choose among all ids of the vocabulary alike. So every id stands for some text:
one without would be a token without a chunk, and no client could count it.
"""
import itertools
import json
import os
import sys

COMMON = {"torch_dtype": "bfloat16", "initializer_range": 0.02, "use_cache": True, "attention_dropout": 0.0, "hidden_act": "silu"}
SHAPES = {
    # DeepSeek-R1-Distill-Qwen-1.5B
    "qwen2-1.5b": {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 151936, "hidden_size": 1536,
                   "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12, "num_key_value_heads": 2,
                   "max_position_embeddings": 131072, "rope_theta": 10000.0, "rms_norm_eps": 1e-6, "tie_word_embeddings": False},
    # Phi-3-mini-4k-instruct, without its sliding window of 2,047
    "phi3-mini": {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "vocab_size": 32064, "hidden_size": 3072,
                  "intermediate_size": 8192, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
                  "max_position_embeddings": 4096, "original_max_position_embeddings": 4096, "rope_theta": 10000.0,
                  "rope_scaling": None, "rms_norm_eps": 1e-5, "sliding_window": None, "tie_word_embeddings": False,
                  "pad_token_id": 32000, "resid_pdrop": 0.0, "embd_pdrop": 0.0},
    # Qwen3-4B-Instruct-2507
    "qwen3-4b": {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 151936, "hidden_size": 2560,
                 "intermediate_size": 9728, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
                 "max_position_embeddings": 262144, "rope_theta": 5000000.0, "rms_norm_eps": 1e-6, "tie_word_embeddings": True,
                 "attention_bias": False},
}
#: The same with weights of four bits, as AWQ and GPTQ store them.
QUANTIZED = {
    "awq": {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"},
    "gptq": {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False, "sym": True, "lm_head": False},
}
for name, method in (("qwen2-1.5b", "awq"), ("phi3-mini", "awq"), ("qwen2-1.5b", "gptq")):
    SHAPES[f"{name}-{method}"] = {**SHAPES[name], "quantization_config": QUANTIZED[method]}
SPECIAL = ["<|begin|>", "<|end|>", "<|stop|>", "<think>", "</think>"]  # the ids from 0 on of every vocabulary
TEMPLATE = ("{% for m in messages %}<|begin|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|begin|>assistant\n{% endif %}")


def tokenizer(text_file, size):
    """A byte-level BPE of `size` ids: the special tokens, merges learnt from the text, then made-up words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # who only asks for names needs none
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train([text_file], trainers.BpeTrainer(vocab_size=min(30000, size), show_progress=False, special_tokens=SPECIAL,
                                             initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    state = json.loads(t.to_str())
    vocabulary = state["model"]["vocab"]
    syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
    words = ("Ġ" + "".join(w) for n in (3, 4) for w in itertools.product(syllables, repeat=n))
    while len(vocabulary) < size:
        vocabulary.setdefault(next(words), len(vocabulary))
    state["added_tokens"] = [{"id": vocabulary[name], "content": name, "single_word": False, "lstrip": False, "rstrip": False,
                              "normalized": False, "special": name[1] == "|"} for name in SPECIAL]
    return json.dumps(state, ensure_ascii=False), vocabulary["<|stop|>"]


def main(out, text_file):
    made = {}
    for name, shape in SHAPES.items():
        size = shape["vocab_size"]
        if size not in made:
            made[size] = tokenizer(text_file, size)
        text, stop = made[size]
        folder = os.path.join(out, name)
        os.makedirs(folder, exist_ok=True)
        files = {
            "config.json": {**COMMON, **shape, "bos_token_id": stop, "eos_token_id": stop},
            "generation_config.json": {"bos_token_id": stop, "eos_token_id": [stop], "do_sample": True},
            "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|stop|>", "bos_token": None,
                                      "model_max_length": shape["max_position_embeddings"], "clean_up_tokenization_spaces": False,
                                      "chat_template": TEMPLATE},
        }
        for file, content in files.items():
            with open(os.path.join(folder, file), "w") as f:
                json.dump(content, f, indent=1)
        with open(os.path.join(folder, "tokenizer.json"), "w") as f:
            f.write(text)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
