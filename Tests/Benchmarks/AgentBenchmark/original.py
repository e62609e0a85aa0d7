"""What the original agents were, for what that costs: a thread for each duty, requests and boto3 imported, a new metadata
token for every read. It does not call EC2, which they did twelve times a minute."""

import sys
import threading
import time

import boto3
import requests

METADATA, COORDINATOR, TOKEN = sys.argv[1:4]
HEADERS = {"Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"}


def metadata(path):
    token = requests.put(
        METADATA + "/latest/api/token", headers={"X-aws-ec2-metadata-token-ttl-seconds": "21600"}, timeout=2
    ).text
    answer = requests.get(
        METADATA + "/latest/meta-data/" + path, headers={"X-aws-ec2-metadata-token": token}, timeout=2
    )
    return answer.text if answer.status_code == 200 else None


def mode():
    return "spot" if metadata("spot/instance-action") else metadata("instance-life-cycle")


def ask(method, path, body=None):
    return requests.request(method, COORDINATOR + path, json=body, headers=HEADERS, timeout=30).json()


ec2 = boto3.client("ec2", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
INSTANCE = "i-0000000000000aaaa"
AGENT = ask(
    "POST",
    "/api/agents/register",
    {
        "logical_agent_id": "original",
        "instance_id": INSTANCE,
        "instance_type": metadata("instance-type"),
        "region": "us-east-1",
        "az": metadata("placement/availability-zone"),
        "ami_id": metadata("ami-id"),
        "mode": mode(),
        "hostname": "original",
        "agent_version": "3.2.0",
    },
)["agent_id"]
STATUS = {"status": "online", "instance_id": INSTANCE, "instance_type": "m5.large"}


def every(seconds, work):
    def run():
        while True:
            work()
            time.sleep(seconds)

    threading.Thread(target=run, daemon=True).start()


every(30, lambda: ask("POST", f"/api/agents/{AGENT}/heartbeat", STATUS | {"mode": mode()}))
every(15, lambda: ask("GET", f"/api/agents/{AGENT}/pending-commands"))
every(60, lambda: ask("GET", f"/api/agents/{AGENT}/config"))
every(5, lambda: metadata("spot/instance-action"))
every(5, lambda: metadata("events/recommendations/rebalance"))
every(300, mode)
every(3600, mode)
print("running", flush=True)
while True:
    time.sleep(1)
