import { readFile } from 'node:fs/promises'
import type { PrincipalMapping } from './broker/security/principal-mapping.ts'
import type { ListenerAddress } from './config/listener-address.ts'
import type { Settings } from './config/settings.ts'
import { subjectOf } from './net/distinguished-name.ts'
import { type TlsFileNames, TlsFiles, type TlsFilesParts } from './net/tls-files.ts'

/** TLS of all listeners: which of them have it, their certificates, and who clients are by theirs. */
export class TlsListeners {
  readonly #byListener: ReadonlyMap<string, TlsFiles>
  readonly #mapping: PrincipalMapping

  private constructor(byListener: ReadonlyMap<string, TlsFiles>, mapping: PrincipalMapping) {
    this.#byListener = byListener
    this.#mapping = mapping
  }

  /** Reads all certificates; rejects with an Error that says which file is missing. Null mapping rules have been refused before. */
  static async open(settings: Settings, mapping: PrincipalMapping, parts: Omit<TlsFilesParts, 'readText'>): Promise<TlsListeners> {
    const readText = (file: string) => readFile(file, 'utf8')
    const opened = new Map<string, TlsFiles>()
    for (const [index, listener] of settings['tls.listeners'].entries()) {
      opened.set(listener, await TlsFiles.open(fileNames(settings, index), { ...parts, readText }, settings['ssl.reload.interval.ms']))
    }
    return new TlsListeners(opened, mapping)
  }

  /** Null for a listener without TLS. */
  of(address: ListenerAddress): TlsFiles | null {
    return this.#byListener.get(address.text) ?? null
  }

  /** The name of the user that a verified certificate, in DER, speaks for; null where no mapping rule applies, or its subject cannot be read. */
  userOf(certificate: Uint8Array): string | null {
    try {
      return this.#mapping.nameOf(subjectOf(certificate))
    } catch (error) {
      // An authority may sign what is no subject: that speaks for nobody, and must end no more than its connection.
      if (error instanceof RangeError) return null
      throw error
    }
  }

  /** Reads all files anew. */
  async reload(): Promise<void> {
    await Promise.all([...this.#byListener.values()].map((files) => files.reload()))
  }

  close(): void {
    for (const files of this.#byListener.values()) files.close()
  }
}

/** Of the listener that is `index`th in `tls.listeners`. */
function fileNames(settings: Settings, index: number): TlsFileNames {
  const at = <T>(values: readonly T[]): T | undefined => (values.length === 1 ? values[0] : values[index])
  const clientAuth = at(settings['ssl.client.auth']) ?? 'none'
  const versions = settings['ssl.enabled.protocols']
  return {
    certificate: at(settings['ssl.certificate.files']) ?? '',
    key: at(settings['ssl.key.files']) ?? '',
    ca: clientAuth === 'none' ? null : (at(settings['ssl.ca.files']) ?? ''),
    clientAuth,
    minVersion: versions.includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: versions.includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2',
  }
}
