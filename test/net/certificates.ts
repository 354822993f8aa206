import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const FOLDER = resolve(import.meta.dirname, '../golden/certificates')

/** Names of the certificates that `test/golden/certificates/make.sh` makes. */
export type CertificateName = 'authority' | 'stranger' | 'server' | 'renewed' | 'alice' | 'mallory'

export const certificateFile = (name: CertificateName): string => join(FOLDER, `${name}.crt`)
export const keyFile = (name: CertificateName): string => join(FOLDER, `${name}.key`)

/** As PEM. */
export const certificate = (name: CertificateName): string => readFileSync(certificateFile(name), 'utf8')
export const privateKey = (name: CertificateName): string => readFileSync(keyFile(name), 'utf8')
