import type { ScramMechanism } from '../../broker/security/ports.ts'

/** Kafka's numbers of mechanisms in the SCRAM APIs (KIP-554). */
const CODES: Record<ScramMechanism, number> = { 'SCRAM-SHA-256': 1, 'SCRAM-SHA-512': 2 }

export function codeOfMechanism(mechanism: ScramMechanism): number {
  return CODES[mechanism]
}

/** Undefined for a number that is none. */
export function mechanismOfCode(code: number): ScramMechanism | undefined {
  if (code === CODES['SCRAM-SHA-256']) return 'SCRAM-SHA-256'
  return code === CODES['SCRAM-SHA-512'] ? 'SCRAM-SHA-512' : undefined
}
