"""The original manager: a Flask view that opens a connection to RabbitMQ for each task it publishes."""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

import pika
from flask import Flask, jsonify, request

QUEUE = "original"
app = Flask(__name__)


@app.post("/task")
def submit() -> tuple[Any, int]:
    number = request.get_json().get("number")
    if not isinstance(number, int):
        return jsonify(error="number must be an integer"), 400
    task_id = str(uuid.uuid4())
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
    channel = connection.channel()
    channel.queue_declare(QUEUE, durable=True)
    body = json.dumps({"task_id": task_id, "number": number})
    channel.basic_publish("", QUEUE, body, pika.BasicProperties(delivery_mode=2))
    connection.close()
    return jsonify(task_id=task_id), 202
