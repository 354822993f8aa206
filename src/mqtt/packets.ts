import type { MqttConnection } from './connection.ts'
import { handlePuback, handlePubcomp, handlePubrec, handlePubrel } from './handlers/acks.ts'
import { handleAuth } from './handlers/auth.ts'
import { handleConnect } from './handlers/connect.ts'
import { handleDisconnect } from './handlers/disconnect.ts'
import { handlePingreq } from './handlers/pingreq.ts'
import { handlePublish } from './handlers/publish.ts'
import { handleSubscribe } from './handlers/subscribe.ts'
import { handleUnsubscribe } from './handlers/unsubscribe.ts'
import type { Packet } from './wire/packets.ts'

/** The map: which handler takes which packet. What only a server sends was refused by the parser [MQTT-4.13.1-1]. */
export function handlePacket(connection: MqttConnection, packet: Packet): void {
  switch (packet.type) {
    case 'PUBLISH':
      handlePublish(connection, packet)
      return
    case 'PUBACK':
      handlePuback(connection, packet)
      return
    case 'PUBREC':
      handlePubrec(connection, packet)
      return
    case 'PUBREL':
      handlePubrel(connection, packet)
      return
    case 'PUBCOMP':
      handlePubcomp(connection, packet)
      return
    case 'SUBSCRIBE':
      handleSubscribe(connection, packet)
      return
    case 'UNSUBSCRIBE':
      handleUnsubscribe(connection, packet)
      return
    case 'PINGREQ':
      handlePingreq(connection)
      return
    case 'CONNECT':
      handleConnect(connection, packet)
      return
    case 'DISCONNECT':
      handleDisconnect(connection, packet)
      return
    case 'AUTH':
      handleAuth(connection)
      return
    case 'CONNACK':
    case 'SUBACK':
    case 'UNSUBACK':
    case 'PINGRESP':
      throw new Error(`the parser let a client's ${packet.type} through`)
  }
}
