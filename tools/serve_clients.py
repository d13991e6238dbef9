"""The `openai` package, `huggingface_hub` and `tritonclient` against a server of umbel: serve_clients.py ADDRESS KEY"""
import json
import math
import sys
import urllib.request

import numpy as np
import tritonclient.http as triton
from huggingface_hub import InferenceClient
from openai import NotFoundError, OpenAI

address, key = sys.argv[1:]
texts = ["The soup near the hotel was wonderful!", "Our flight was not good."]


def post(path, body):
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    request = urllib.request.Request(address + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def same(a, b, tolerance=0.0):
    assert len(a) == len(b) and all(abs(x - y) <= tolerance for x, y in zip(a, b)), (a[:4], b[:4])


predicted = post("/v1/predict", {"texts": texts, "embedding": True})["results"]

openai = OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
model = openai.models.list().data[0].id
for encoding in ("float", "base64"):
    found = openai.embeddings.create(model=model, input=texts, encoding_format=encoding)
    for one, expected in zip(found.data, predicted):
        numbers = one.embedding
        if isinstance(numbers, str):  # Asked for by name, base64 is left as it is.
            import base64, struct
            data = base64.b64decode(numbers)
            numbers = struct.unpack(f"<{len(data) // 4}f", data)
        same(numbers, expected["embedding"], 1e-7)  # A list is rounded to the digits of 32-bit floats.
found = openai.embeddings.create(model=model, input=texts[0], dimensions=8)
assert len(found.data[0].embedding) == 8 and found.usage.total_tokens > 0
try:
    openai.embeddings.create(model="no-such-model", input="a")
    raise SystemExit("a model that is not there was answered")
except NotFoundError as error:
    assert "there is no model" in str(error)
print("openai: models, embeddings as float, base64 and shortened, an unknown model")

hub = lambda path: InferenceClient(model=address + path, token=key)
embedding = hub("/embed").feature_extraction(texts[0])[0]
length = math.sqrt(sum(x * x for x in predicted[0]["embedding"]))
same(embedding.tolist(), [x / length for x in predicted[0]["embedding"]], 1e-6)  # Length one, rounded once more.
found = hub("/predict").text_classification(texts[0])
best = found[0] if isinstance(found, list) else found  # Of text-embeddings-inference's list it takes the first.
assert best.label == predicted[0]["answers"][next(iter(predicted[0]["answers"]))]["label"]
alike = hub("/similarity").sentence_similarity(texts[0], other_sentences=[texts[0], texts[1]])
assert abs(alike[0] - 1) < 1e-5 and alike[1] < alike[0]
print("huggingface_hub: feature_extraction, text_classification, sentence_similarity")

# It sends JSON without a Content-Type, and asks for binary outputs unless told otherwise; JSON is answered then too.
client = triton.InferenceServerClient(address.removeprefix("http://"))
headers = {"Authorization": f"Bearer {key}"}
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model, headers=headers)
metadata = client.get_model_metadata(model, headers=headers)
text = triton.InferInput("text", [len(texts)], "BYTES")
text.set_data_from_numpy(np.array(texts, dtype=object), binary_data=False)
embedding = triton.InferRequestedOutput("embedding", binary_data=False)
found = client.infer(model, [text], outputs=[embedding], headers=headers).as_numpy("embedding")
for row, expected in zip(found, predicted, strict=True):
    same(row.tolist(), expected["embedding"], 1e-7)
found = client.infer(model, [text], headers=headers)
for output in metadata["outputs"]:
    if output["name"] != "embedding":
        assert found.as_numpy(output["name"]).shape[0] == len(texts)
print("tritonclient: live, ready, metadata, an output that is asked for and all heads")
