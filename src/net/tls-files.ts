import type { Clock, Timer } from '../runtime/clock.ts'
import type { NetworkListener, TlsMaterial } from '../runtime/network.ts'
import type { Logger } from '../telemetry/logger.ts'

/** Where the material of one listener is, and what it asks of clients. */
export interface TlsFileNames extends Pick<TlsMaterial, 'clientAuth' | 'minVersion' | 'maxVersion'> {
  readonly certificate: string
  readonly key: string
  /** Null where clients are asked for no certificate. */
  readonly ca: string | null
}

export interface TlsFilesParts {
  readonly clock: Clock
  readonly logger: Logger
  /** Reads a file as text; rejects with the system's error. */
  readonly readText: (file: string) => Promise<string>
}

/**
 * Certificates and keys of one listener. They are read again when somebody asks for it and from time to time, since whoever renews
 * them replaces the files: connections from then on get the new ones, those that are open stay. Files that do not fit
 * together (one of two was written so far) leave the former in use.
 */
export class TlsFiles {
  readonly #names: TlsFileNames
  readonly #parts: TlsFilesParts
  readonly #intervalMs: number
  readonly #listeners: NetworkListener[] = []
  #material: TlsMaterial
  #timer: Timer | null = null
  #closed = false
  /** What was complained of last, so that it is said once. */
  #complaint = ''

  private constructor(names: TlsFileNames, parts: TlsFilesParts, intervalMs: number, material: TlsMaterial) {
    this.#names = names
    this.#parts = parts
    this.#intervalMs = intervalMs
    this.#material = material
    this.#schedule()
  }

  /** Reads the files; rejects with an Error that says which one is missing. `intervalMs` 0: they are read again only when asked for. */
  static async open(names: TlsFileNames, parts: TlsFilesParts, intervalMs: number): Promise<TlsFiles> {
    return new TlsFiles(names, parts, intervalMs, await read(names, parts))
  }

  get material(): TlsMaterial {
    return this.#material
  }

  get clientAuth(): TlsMaterial['clientAuth'] {
    return this.#names.clientAuth
  }

  /** A listener that is bound now gets what is read later. */
  use(listener: NetworkListener): void {
    this.#listeners.push(listener)
  }

  /** Reads the files now, and puts them to use where they have changed; what is wrong is logged, never thrown. */
  async reload(): Promise<void> {
    try {
      const material = await read(this.#names, this.#parts)
      if (this.#closed || isSame(material, this.#material)) return
      for (const listener of this.#listeners) listener.setTls?.(material)
      this.#material = material
      this.#complaint = ''
      this.#parts.logger.info({ certificate: this.#names.certificate }, 'certificate read anew')
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (reason === this.#complaint) return
      this.#complaint = reason
      this.#parts.logger.error({ certificate: this.#names.certificate, reason }, 'certificate cannot be read anew, the former one stays in use')
    }
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    if (this.#intervalMs === 0 || this.#closed) return
    this.#timer = this.#parts.clock.after(this.#intervalMs, () => {
      void this.reload().then(() => this.#schedule())
    })
  }
}

async function read(names: TlsFileNames, { readText }: TlsFilesParts): Promise<TlsMaterial> {
  const { clientAuth, minVersion, maxVersion } = names
  const [certificate, key, ca] = await Promise.all([readText(names.certificate), readText(names.key), names.ca === null ? null : readText(names.ca)])
  return { certificate, key, ca, clientAuth, minVersion, maxVersion }
}

function isSame(left: TlsMaterial, right: TlsMaterial): boolean {
  return left.certificate === right.certificate && left.key === right.key && left.ca === right.ca
}
