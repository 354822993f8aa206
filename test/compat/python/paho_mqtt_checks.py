"""paho-mqtt 2: 3.1, 3.1.1 and 5.0. Arguments: HOST PORT."""
import socket
import sys
import threading
import uuid

import paho.mqtt.client as mqtt
from checks import check, done, equal, until
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

HOST, PORT = sys.argv[1], int(sys.argv[2])
VERSIONS = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5.0": mqtt.MQTTv5}


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


class Client:
    def __init__(self, protocol, client_id=None, clean=True, expiry=None, will=None):
        kwargs = {} if protocol == mqtt.MQTTv5 else {"clean_session": clean}
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id or unique("paho"), protocol=protocol, **kwargs)
        self.client.max_inflight_messages_set(15)
        self.got = []
        self.session_present = None
        self.codes = []
        connected = threading.Event()
        subscribed = threading.Event()
        self.subscribed = subscribed

        def on_connect(_c, _u, flags, reason, _p):
            self.session_present = flags.session_present
            self.reason = reason
            connected.set()

        def on_subscribe(_c, _u, _mid, codes, _p):
            self.codes = codes
            subscribed.set()

        self.client.on_connect = on_connect
        self.client.on_subscribe = on_subscribe
        self.client.on_message = lambda _c, _u, message: self.got.append(message)
        if will:
            self.client.will_set(*will)
        if protocol == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            if expiry is not None:
                properties.SessionExpiryInterval = expiry
            self.client.connect(HOST, PORT, 30, clean_start=clean, properties=properties)
        else:
            self.client.connect(HOST, PORT, 30)
        self.client.loop_start()
        if not connected.wait(10):
            raise TimeoutError("no CONNACK")

    def subscribe(self, topic, qos, **kwargs):
        self.subscribed.clear()
        self.client.subscribe(topic, qos, **kwargs)
        if not self.subscribed.wait(10):
            raise TimeoutError("no SUBACK")

    def publish(self, topic, payload, qos=1, **kwargs):
        info = self.client.publish(topic, payload, qos, **kwargs)
        info.wait_for_publish(10)
        if not info.is_published():
            raise TimeoutError(f"no acknowledgement for {topic}")

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()


for name, protocol in VERSIONS.items():

    def roundtrip(protocol=protocol):
        topic = unique("paho") + "/room/temp"
        subscriber = Client(protocol, client_id=unique("s")[:20])
        subscriber.subscribe(topic, 2)
        publisher = Client(protocol, client_id=unique("p")[:20])
        for n in range(150):
            publisher.publish(topic, f"{n} größe".encode(), n % 3)
        until("150 messages", lambda: len(subscriber.got) >= 150)
        for qos in range(3):
            equal([m.payload.decode() for m in subscriber.got if m.qos == qos], [f"{n} größe" for n in range(qos, 150, 3)], f"QoS {qos}")
        subscriber.end()
        publisher.end()

    check(f"{name}: 150 messages at QoS 0, 1 and 2 arrive once, in order", roundtrip)

    def session(protocol=protocol):
        topic = unique("paho") + "/k"
        client_id = unique("s")[:20]
        options = {"client_id": client_id, "clean": False}
        if protocol == mqtt.MQTTv5:
            options["expiry"] = 3600
        first = Client(protocol, **options)
        first.subscribe(topic, 1)
        first.end()
        publisher = Client(protocol, client_id=unique("p")[:20])
        for n in range(40):
            publisher.publish(topic, str(n), 1)
        second = Client(protocol, **options)
        if protocol != mqtt.MQTTv31:
            equal(second.session_present, True, "session present")
        until("40 messages", lambda: len(second.got) >= 40)
        equal([m.payload.decode() for m in second.got], [str(n) for n in range(40)])
        second.end()
        publisher.end()

    check(f"{name}: an offline persistent session gets what it missed", session)

    def retained(protocol=protocol):
        topic = unique("paho") + "/state"
        publisher = Client(protocol, client_id=unique("p")[:20])
        publisher.publish(topic, "on", 1, retain=True)
        late = Client(protocol, client_id=unique("s")[:20])
        late.subscribe(topic.split("/")[0] + "/#", 1)
        until("the retained message", lambda: late.got)
        equal([(m.payload, m.retain) for m in late.got], [(b"on", True)])
        publisher.publish(topic, b"", 1, retain=True)
        late.end()
        publisher.end()

    check(f"{name}: a retained message reaches a late subscriber", retained)

    def will(protocol=protocol):
        topic = unique("paho") + "/will"
        watcher = Client(protocol, client_id=unique("w")[:20])
        watcher.subscribe(topic, 1)
        dying = Client(protocol, client_id=unique("d")[:20], will=(topic, "gone", 1, False))
        dying.client.loop_stop()
        dying.client.socket().shutdown(socket.SHUT_RDWR)
        until("the will", lambda: watcher.got)
        equal(watcher.got[0].payload, b"gone")
        watcher.end()

    check(f"{name}: a will is published when the connection breaks", will)


def properties():
    topic = unique("paho") + "/props"
    subscriber = Client(mqtt.MQTTv5)
    subscriber.subscribe(topic, 1)
    publisher = Client(mqtt.MQTTv5)
    sent = Properties(PacketTypes.PUBLISH)
    sent.ContentType = "text/csv"
    sent.ResponseTopic = "answers/here"
    sent.CorrelationData = b"\x00\xff"
    sent.MessageExpiryInterval = 100
    sent.PayloadFormatIndicator = 1
    sent.UserProperty = [("a", "1"), ("b", "2"), ("a", "3")]
    publisher.publish(topic, "x", 1, properties=sent)
    until("the message", lambda: subscriber.got)
    got = subscriber.got[0].properties
    equal(got.ContentType, "text/csv")
    equal(got.ResponseTopic, "answers/here")
    equal(got.CorrelationData, b"\x00\xff")
    equal(got.PayloadFormatIndicator, 1)
    equal(list(got.UserProperty), [("a", "1"), ("b", "2"), ("a", "3")])
    assert 98 <= got.MessageExpiryInterval <= 100, got.MessageExpiryInterval
    subscriber.end()
    publisher.end()


check("5.0: all properties of a message arrive, user properties in order", properties)

done()
