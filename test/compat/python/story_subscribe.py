"""Subscribes with paho-mqtt, MQTT 5: HOST PORT FILTER COUNT; prints "subscribed", then {"topic", "payload", "qos", "user"} a message."""
import json
import sys
import threading

import paho.mqtt.client as mqtt

host, port, topic, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
done = threading.Event()
seen = 0


def on_message(_client, _userdata, message):
    global seen
    seen += 1
    user = [list(pair) for pair in getattr(message.properties, "UserProperty", [])]
    print(json.dumps({"topic": message.topic, "payload": message.payload.decode(), "qos": message.qos, "user": user}), flush=True)
    if seen >= count:
        done.set()


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
client.on_connect = lambda c, *_: c.subscribe(topic, 1)
client.on_subscribe = lambda *_: print("subscribed", flush=True)
client.on_message = on_message
client.connect(host, port)
client.loop_start()
finished = done.wait(60)
client.disconnect()
client.loop_stop()
sys.exit(0 if finished else 1)
