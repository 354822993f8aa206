import { constants } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import { connect, createServer, type SecureContextOptions, type Server } from 'node:tls'
import type { HostPort, StreamSocket, TlsClientMaterial, TlsListening, TlsMaterial } from './network.ts'
import { NodeSocket, plainAddress } from './node-socket.ts'

/** A client that takes longer is closed. */
const HANDSHAKE_TIMEOUT_MS = 10_000
/** Handshakes under way on one listener; a further connection is closed at once. */
const MAX_HANDSHAKES = 1_000

/** A TLS server that is not bound yet. Throws where the material does not fit together. */
export function createTlsServer(tls: TlsListening, onSocket: (socket: StreamSocket) => void): Server {
  const { clientAuth } = tls.material
  const options = {
    ...tlsContext(tls.material),
    requestCert: clientAuth !== 'none',
    rejectUnauthorized: clientAuth === 'required',
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    noDelay: true,
  }
  const server = createServer(options, (socket) => {
    const certificate = socket.getPeerX509Certificate()
    if (certificate !== undefined && !socket.authorized) {
      // Where none is required, Node leaves it to us to refuse a bad one.
      tls.onHandshakeFailed(`the client's certificate is not valid: ${String(socket.authorizationError)}`, plainAddress(socket.remoteAddress))
      socket.destroy()
      return
    }
    onSocket(new NodeSocket(socket, certificate === undefined ? null : certificate.raw))
  })
  boundHandshakes(server)
  server.on('tlsClientError', (error, socket) => tls.onHandshakeFailed(error.message, plainAddress(socket.remoteAddress)))
  return server
}

/** Before the handshake nobody else counts connections. */
function boundHandshakes(server: Server): void {
  // By their remote end: the socket below a TLS socket is no public property, its addresses are those of both.
  const underWay = new Set<string>()
  const endOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`
  server.prependListener('connection', (socket: Socket) => {
    if (underWay.size >= MAX_HANDSHAKES) {
      socket.destroy()
      return
    }
    const end = endOf(socket)
    underWay.add(end)
    socket.once('close', () => underWay.delete(end))
  })
  server.on('secureConnection', (socket) => underWay.delete(endOf(socket)))
}

/** What Node makes a secure context from; `setSecureContext` of a server takes the same. */
export function tlsContext({ certificate, key, ca, clientAuth, minVersion, maxVersion }: TlsMaterial): SecureContextOptions {
  return {
    cert: certificate,
    key,
    minVersion,
    maxVersion,
    ...(ca === null ? {} : { ca }),
    // A resumed session would not show its certificate again, though authorities may have changed meanwhile.
    ...(clientAuth === 'none' ? {} : { secureOptions: constants.SSL_OP_NO_TICKET }),
  }
}

/** Rejects where the server's certificate is not that of `address.host`, or comes from nobody who is trusted. */
export function connectTls(address: HostPort, { ca, certificate, key }: TlsClientMaterial): Promise<StreamSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: address.host,
      port: address.port,
      // A number is no name of a server (RFC 6066, section 3).
      ...(isIP(address.host) === 0 ? { servername: address.host } : {}),
      ...(ca === null ? {} : { ca }),
      ...(certificate === null || key === null ? {} : { cert: certificate, key }),
    })
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      socket.off('error', reject)
      resolve(new NodeSocket(socket))
    })
  })
}
