"""The limit of the stack: a bare Flask route that answers JSON, under the same gunicorn settings as the product."""

from flask import Flask, jsonify

app = Flask(__name__)
# gunicorn's worker_exit closes the product's services, which are stored here.
app.extensions["klette"] = type("Nothing", (), {"close": lambda self: None})()


@app.get("/bare")
def bare():
    """Return about as much JSON as an assignment."""
    return jsonify(assignments={"bench": {"variant": "a", "reason": "SPLIT", "run": 1, "exposed": True}})
