import { createServer, type Server, Socket } from 'node:net'
import type { HostPort, Network, NetworkListener } from './network.ts'
import { NodeSocket } from './node-socket.ts'

/** How many connections the kernel queues before they are accepted. */
const BACKLOG = 1_024

/** The machine's own network. TLS is loaded only where a listener, or a client, wants it. */
export const nodeNetwork: Network = {
  async listen(address, onSocket, tls) {
    if (tls !== undefined) {
      const { createTlsServer, tlsContext } = await import('./node-tls.ts')
      const server = createTlsServer(tls, onSocket)
      const listener = await bind(server, address)
      return { ...listener, setTls: (material) => server.setSecureContext(tlsContext(material)) }
    }
    return bind(
      createServer({ noDelay: true, pauseOnConnect: false }, (socket) => onSocket(new NodeSocket(socket))),
      address,
    )
  },

  async connect(address, tls) {
    if (tls !== undefined) {
      const { connectTls } = await import('./node-tls.ts')
      return connectTls(address, tls)
    }
    return new Promise((resolve, reject) => {
      const socket = new Socket()
      socket.once('error', reject)
      socket.connect(address.port, address.host, () => {
        socket.off('error', reject)
        resolve(new NodeSocket(socket))
      })
    })
  },
}

async function bind(server: Server, address: HostPort): Promise<NetworkListener> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port: address.port, backlog: BACKLOG, ...(address.host === '' ? {} : { host: address.host }) }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  // Accepting can fail later (no descriptors left): the server goes on, Node retries with the next connection.
  server.on('error', ignore)
  return listenerOf(server, address.host)
}

function listenerOf(server: Server, host: string): NetworkListener {
  const bound = server.address()
  const address: HostPort = typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : { host, port: 0 }
  return {
    address,
    close: () =>
      new Promise<void>((resolve) => {
        if (server.listening) server.close(() => resolve())
        else resolve()
      }),
  }
}

function ignore(): void {
  // The event's only effect is that Node does not throw it.
}
