import { createServer, type Server, Socket } from 'node:net'

/** What one connection said, both ways. */
export interface RecordedConnection {
  readonly client: Buffer[]
  readonly server: Buffer[]
}

/** A TCP proxy on loopback that keeps what passes. */
export class RecordingProxy {
  readonly #target: number
  readonly #server: Server
  readonly connections: RecordedConnection[] = []

  constructor(targetPort: number) {
    this.#target = targetPort
    this.#server = createServer((socket) => this.#pass(socket))
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
    return address.port
  }

  close(): void {
    this.#server.close()
  }

  #pass(client: Socket): void {
    const recorded: RecordedConnection = { client: [], server: [] }
    this.connections.push(recorded)
    const server = new Socket()
    server.connect(this.#target, '127.0.0.1')
    const copy = (from: Socket, to: Socket, kept: Buffer[]) => {
      from.on('data', (chunk: Buffer) => {
        kept.push(chunk)
        to.write(chunk)
      })
      from.on('end', () => to.end())
      from.on('error', () => to.destroy())
      from.on('close', () => to.end())
    }
    copy(client, server, recorded.client)
    copy(server, client, recorded.server)
  }
}
