/** The package: what actors are declared with, and the node that runs them. */
export * from '../lib/index.js'
export { startNode } from './node/start.js'
export { memory } from '../lib/transport/memory.js'
export { sharedMemory } from '../lib/transport/memory.js'
export type { App, Json, Performed, Served, Stage, StageNode } from './launched.js'
