/** The declarations as the runtime reads them. Not part of the public edge. */
export { actionData, type ActionData, type AddressData } from './act.js'
export { behaviorData, type BehaviorData, type HearerData } from './behavior.js'
export {
  childData,
  type ChildData,
  type DynamicData,
  type EntitiesData,
  type SupervisorData,
  type WorkerData,
} from './child-data.js'
export { complaintsOf } from './complaints.js'
export { deepFreeze, freezing, holdFreezing } from './diagnostics.js'
export { isId } from './id.js'
export { kindData, type HandlerData, type KindData } from './kind.js'
export { madeBy, specIn, specOfMessage, type Made, type MessageData } from './maker.js'
export {
  foreignMessage,
  kindNotInTree,
  nodeMessageToRemote,
  replyDoesNotFit,
  stateDoesNotFit,
  stateMutated,
  stepReturnedNothing,
  stepReturnedPromise,
  twoProtocols,
} from './misuse.js'
export { noActions, outcomeData, type OutcomeData } from './outcome.js'
export { checkOneProtocolPerName, dataOf, specOf, type ProtocolData } from './protocol-data.js'
export { sourceData, type SourceData } from './source.js'
export * from './spec.js'
export { topicData, type TopicData } from './topic.js'
