/**
 * What replaces the machine in a test: a clock that is moved by hand, a network within the process. A whole broker stands
 * on them: `startBroker({ machine: { clock, network } })`.
 */
export type { Machine } from '../server.ts'
export { ManualClock } from './manual-clock.ts'
export { VIRTUAL_NETWORK_SETTINGS, VirtualNetwork, type VirtualNetworkSettings } from './virtual-network.ts'
