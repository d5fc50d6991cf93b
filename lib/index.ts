/**
 * The lib half of the public edge: what actors are declared with. `supervisors/index.ts` adds the running
 * node.
 */
export { act, type Action, type Delay } from './api/act.js'
export type { AdoptedRef, NactAskOptions, NactRef } from './api/adopted.js'
export {
  answerTo,
  asked,
  isUndeliverable,
  Undeliverable,
  WhyUndeliverable,
  type Answer,
  type AnswerSpec,
  type Asked,
} from './api/answer.js'
export { behavior, type Behavior, type BehaviorDefinition } from './api/behavior.js'
export type {
  AutoShutdown,
  ChildSpec,
  Restart,
  RestartBackoff,
  ShutdownMs,
  StartMs,
  Strategy,
} from './api/child-data.js'
export {
  dynamic,
  entities,
  singleton,
  supervisor,
  worker,
  type DynamicOptions,
  type EntitiesOptions,
  type SingletonOptions,
  type SubtreeOptions,
  type SupervisorOptions,
  type WorkerOptions,
} from './api/child-spec.js'
export type { Down, Exit, ExitReason, FarDown, FarReason, Life, MonitorOptions } from './api/exit.js'
export type { At, Handlers } from './api/handlers.js'
export { id, type Id, type IdCodec } from './api/id.js'
export { kind, type Kind, type Limits, type Winner } from './api/kind.js'
export type {
  EntitiesCount,
  EntitiesPage,
  EntityEvent,
  EntityPlace,
  ListOptions,
  WaitForMembersOptions,
} from './api/listing.js'
export {
  machine,
  type MachineFor,
  type MachineOn,
  type MachineStates,
  type StateDefinition,
  type StateTimeout,
} from './api/machine.js'
export {
  message,
  nodeMessage,
  type Ask,
  type AskSpec,
  type MessageSpec,
  type ReadSpec,
  type ReplySpec,
  type Tell,
  type TellSpec,
} from './api/message.js'
export type { MailboxOptions, Overflow } from './api/mailbox.js'
export { Misuse, type MisuseCode } from './api/misuse.js'
export type { NodeEvent } from './api/node-event.js'
export type { NodeOptions } from './api/node-options.js'
export type {
  RebalanceOptions,
  RebalanceReport,
  Self,
  Spawned,
  Startable,
  StopOptions,
  Subscription,
  TumenNode,
} from './api/node-types.js'
export {
  next,
  putOff,
  refuse,
  reply,
  stash,
  type PutOff,
  type RefusedStep,
  type Replied,
  type Stashed,
  type Stepped,
} from './api/outcome.js'
export {
  address,
  inner,
  nodeProtocol,
  protocol,
  type AnyProtocol,
  type IdOf,
  type KindOf,
  type NoInner,
  type NodeProtocol,
  type Protocol,
  type ProtocolInfo,
  type SpecsOf,
} from './api/protocol.js'
export { refused, type Address, type AskOptions, type LocalRef, type Ref } from './api/refs.js'
export {
  disposable,
  mirrored,
  persisted,
  rebuilt,
  type MirrorOptions,
  type PersistOptions,
  type StateSource,
} from './api/source.js'
export type { Reach } from './api/spec.js'
export { ignore, withInfo, type Ignore, type WithInfo } from './api/starting.js'
export {
  ChildFailed,
  type ChangeAnswer,
  type ChildCounts,
  type ChildInfo,
  type ChildSpecInfo,
  type DeleteChildAnswer,
  type LocalSupervisor,
  type RestartChildAnswer,
  type StartChildAnswer,
  type SupervisorChange,
  type SupervisorFlags,
  type SupervisorGone,
  type TerminateChildAnswer,
} from './api/supervision.js'
export type { KindStatus, MemberStatus, NodeStatus, SingletonStatus, TreeNode, Where } from './api/status.js'
export { topic, type Listener, type Origin, type Topic, type TopicScope } from './api/topic.js'
export type { Fields, FieldsOf, Wire, WireCodec } from './api/wire.js'
export type { Config, ConfigInput } from './config.js'
export { adopt, type AdoptOptions } from './kernel/nact-adopted.js'
export { JournalFailed, type JournalFailureCode } from './persistence/failure.js'
export { memoryEngine, type MemoryEngineOptions } from './persistence/memory.js'
export { logEvents, type Logger } from './observe/log.js'
export { type Meter, meterNode, type MeterOptions } from './observe/meter.js'
export { type OpenTelemetry, otelTracing } from './observe/otel.js'
export type { Handling, Tracing } from './observe/tracing.js'
export {
  persistent,
  record,
  recordReply,
  type PersistentDefinition,
  type Recorded,
  type RecordedReply,
} from './persistence/persistent.js'
export {
  SequenceTaken,
  type EventStream,
  type PersistedEvent,
  type PersistedSnapshot,
  type PersistenceEngine,
  type SnapshotStore,
} from './persistence/protocol.js'
export { snapshotFiles } from './persistence/snapshot-files.js'
export {
  AskFailed,
  StartFailed,
  describe,
  type AskError,
  type Refused,
  type StartCode,
  type StartError,
} from './errors.js'
export { placement, type PlacementMember, type PlacementStrategy } from './placement/strategy.js'
export type { Transport } from './transport/transport.js'
export type { Clock, Timer } from './std/clock.js'
export type { Random } from './std/random.js'
export { systemClock, systemRandom } from './std/system.js'
export { fullBucket, takeTokens, tokensDueMs, type TokenBucket, type Tokens } from './std/token-bucket.js'
