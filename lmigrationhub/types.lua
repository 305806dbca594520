---@meta lmigrationhub

-- What an editor is to know of lmigrationhub. Never required at run time. Shapes have the service's
-- names; spec/types_spec.lua keeps them equal to the facts. Lengths are the service's, which checks
-- them: the client checks types, required members and minima before it sends.

-- The service's values. In a result there may be others, which the service added since.

---@alias lmigrationhub.ApplicationStatus "NOT_STARTED"|"IN_PROGRESS"|"COMPLETED"

---@alias lmigrationhub.Status "NOT_STARTED"|"IN_PROGRESS"|"FAILED"|"COMPLETED"

---@alias lmigrationhub.UpdateType "MIGRATION_TASK_STATE_UPDATED"

---@alias lmigrationhub.ResourceAttributeType
---| "IPV4_ADDRESS"
---| "IPV6_ADDRESS"
---| "MAC_ADDRESS"
---| "FQDN"
---| "VM_MANAGER_ID"
---| "VM_MANAGED_OBJECT_REFERENCE"
---| "VM_NAME"
---| "VM_PATH"
---| "BIOS_ID"
---| "MOTHERBOARD_SERIAL_NUMBER"

-- Structures of parameters and results. Members of results that the service does not promise are
-- optional; what it adds passes through.

---@class lmigrationhub.ApplicationState
---@field ApplicationId? string of Application Discovery Service: 1 to 1600 characters on one line
---@field ApplicationStatus? lmigrationhub.ApplicationStatus
---@field LastUpdatedTime? number seconds since 1970 UTC

---@class lmigrationhub.CreatedArtifact what a migration made, such as an AMI or an instance
---@field Name string 1 to 1600 characters that make an ARN
---@field Description? string at most 500 characters on one line

---@class lmigrationhub.DiscoveredResource a server as Application Discovery Service knows it
---@field ConfigurationId string its name there: 1 to 1600 characters on one line
---@field Description? string at most 500 characters on one line

---@class lmigrationhub.MigrationTask
---@field ProgressUpdateStream? string 1 to 50 characters without / : | and control characters
---@field MigrationTaskName? string 1 to 256 characters without : and |
---@field Task? lmigrationhub.Task its latest state
---@field UpdateDateTime? number when that was so: seconds since 1970 UTC
---@field ResourceAttributeList? lmigrationhub.ResourceAttribute[] at most 100 items

---@class lmigrationhub.MigrationTaskSummary
---@field ProgressUpdateStream? string 1 to 50 characters without / : | and control characters
---@field MigrationTaskName? string 1 to 256 characters without : and |
---@field Status? lmigrationhub.Status
---@field ProgressPercent? integer 0 to 100
---@field StatusDetail? string at most 2500 characters on one line
---@field UpdateDateTime? number when that was so: seconds since 1970 UTC

---@class lmigrationhub.MigrationTaskUpdate
---@field UpdateDateTime? number seconds since 1970 UTC
---@field UpdateType? lmigrationhub.UpdateType
---@field MigrationTaskState? lmigrationhub.Task

---@class lmigrationhub.ProgressUpdateStreamSummary
---@field ProgressUpdateStreamName? string 1 to 50 characters without / : | and control characters

---@class lmigrationhub.ResourceAttribute
---@field Type lmigrationhub.ResourceAttributeType
---@field Value string 1 to 256 characters on one line

---@class lmigrationhub.SourceResource what is migrated, as its own environment knows it
---@field Name string 1 to 1600 characters
---@field Description? string at most 500 characters on one line
---@field StatusDetail? string at most 2500 characters on one line

---@class lmigrationhub.Task the state of a migration task
---@field Status lmigrationhub.Status
---@field StatusDetail? string for people: at most 2500 characters on one line
---@field ProgressPercent? integer 0 to 100

-- What parameters and results have in common.

---@class (exact) lmigrationhub.Change
---@field DryRun? boolean change nothing, but raise DryRunOperation if the caller might

---@class (exact) lmigrationhub.TaskParameters name a task; AWS asks for no personal data in them
---@field ProgressUpdateStream string 1 to 50 characters without / : | and control characters
---@field MigrationTaskName string in that stream: 1 to 256 characters without : and |

---@class (exact) lmigrationhub.TaskChange: lmigrationhub.TaskParameters, lmigrationhub.Change

---@class (exact) lmigrationhub.StreamChange: lmigrationhub.Change
---@field ProgressUpdateStreamName string 1 to 50 characters without / : | and control characters

---@class (exact) lmigrationhub.Listing
---@field NextToken? string of the page before: at most 2048 characters of a-z A-Z 0-9 / + =

---@class (exact) lmigrationhub.TaskListing: lmigrationhub.TaskParameters, lmigrationhub.Listing

---@class lmigrationhub.Page
---@field NextToken? string of the next page, if any: at most 2048 characters of a-z A-Z 0-9 / + =

---@class lmigrationhub.EmptyResult the service has nothing to say but that it is done

-- The operations' parameters. MaxResults is the size of a page; the service has its own default.

---@class (exact) lmigrationhub.AssociateCreatedArtifactRequest: lmigrationhub.TaskChange
---@field CreatedArtifact lmigrationhub.CreatedArtifact

---@class (exact) lmigrationhub.AssociateDiscoveredResourceRequest: lmigrationhub.TaskChange
---@field DiscoveredResource lmigrationhub.DiscoveredResource

---@class (exact) lmigrationhub.AssociateSourceResourceRequest: lmigrationhub.TaskChange
---@field SourceResource lmigrationhub.SourceResource

---@class (exact) lmigrationhub.CreateProgressUpdateStreamRequest: lmigrationhub.StreamChange

---@class (exact) lmigrationhub.DeleteProgressUpdateStreamRequest: lmigrationhub.StreamChange

---@class (exact) lmigrationhub.DescribeApplicationStateRequest
---@field ApplicationId string of Application Discovery Service: 1 to 1600 characters on one line

---@class (exact) lmigrationhub.DescribeMigrationTaskRequest: lmigrationhub.TaskParameters

---@class (exact) lmigrationhub.DisassociateCreatedArtifactRequest: lmigrationhub.TaskChange
---@field CreatedArtifactName string 1 to 1600 characters that make an ARN

---@class (exact) lmigrationhub.DisassociateDiscoveredResourceRequest: lmigrationhub.TaskChange
---@field ConfigurationId string 1 to 1600 characters on one line

---@class (exact) lmigrationhub.DisassociateSourceResourceRequest: lmigrationhub.TaskChange
---@field SourceResourceName string 1 to 1600 characters

---@class (exact) lmigrationhub.ImportMigrationTaskRequest: lmigrationhub.TaskChange

---@class (exact) lmigrationhub.ListApplicationStatesRequest: lmigrationhub.Listing
---@field ApplicationIds? string[] only of these: 1 to 100 items of 1 to 1600 characters on one line
---@field MaxResults? integer 1 to 100

---@class (exact) lmigrationhub.ListCreatedArtifactsRequest: lmigrationhub.TaskListing
---@field MaxResults? integer 1 to 10

---@class (exact) lmigrationhub.ListDiscoveredResourcesRequest: lmigrationhub.TaskListing
---@field MaxResults? integer 1 to 10

---@class (exact) lmigrationhub.ListMigrationTaskUpdatesRequest: lmigrationhub.TaskListing
---@field MaxResults? integer 1 to 100

---@class (exact) lmigrationhub.ListMigrationTasksRequest: lmigrationhub.Listing
---@field ResourceName? string only of this resource: 1 to 1600 characters on one line
---@field MaxResults? integer 1 to 100

---@class (exact) lmigrationhub.ListProgressUpdateStreamsRequest: lmigrationhub.Listing
---@field MaxResults? integer 1 to 100

---@class (exact) lmigrationhub.ListSourceResourcesRequest: lmigrationhub.TaskListing
---@field MaxResults? integer 1 to 10

---@class (exact) lmigrationhub.NotifyApplicationStateRequest: lmigrationhub.Change
---@field ApplicationId string of Application Discovery Service: 1 to 1600 characters on one line
---@field Status lmigrationhub.ApplicationStatus
---@field UpdateDateTime? number|string since when: seconds since 1970 UTC, or ISO 8601 text

---@class (exact) lmigrationhub.NotifyMigrationTaskStateRequest: lmigrationhub.TaskChange
---@field Task lmigrationhub.Task
---@field UpdateDateTime number|string since when: seconds since 1970 UTC, or ISO 8601 text
---@field NextUpdateSeconds integer after which, without an update, the task is stale: 0 or more

---@class (exact) lmigrationhub.PutResourceAttributesRequest: lmigrationhub.TaskChange
---@field ResourceAttributeList lmigrationhub.ResourceAttribute[] 1 to 100 items

-- The operations' results, of those that have any.

---@class lmigrationhub.DescribeApplicationStateResult
---@field ApplicationStatus? lmigrationhub.ApplicationStatus
---@field LastUpdatedTime? number seconds since 1970 UTC

---@class lmigrationhub.DescribeMigrationTaskResult
---@field MigrationTask? lmigrationhub.MigrationTask

---@class lmigrationhub.ListApplicationStatesResult: lmigrationhub.Page
---@field ApplicationStateList? lmigrationhub.ApplicationState[] at most 1000 items

---@class lmigrationhub.ListCreatedArtifactsResult: lmigrationhub.Page
---@field CreatedArtifactList? lmigrationhub.CreatedArtifact[]

---@class lmigrationhub.ListDiscoveredResourcesResult: lmigrationhub.Page
---@field DiscoveredResourceList? lmigrationhub.DiscoveredResource[]

---@class lmigrationhub.ListMigrationTaskUpdatesResult: lmigrationhub.Page
---@field MigrationTaskUpdateList? lmigrationhub.MigrationTaskUpdate[]

---@class lmigrationhub.ListMigrationTasksResult: lmigrationhub.Page
---@field MigrationTaskSummaryList? lmigrationhub.MigrationTaskSummary[]

---@class lmigrationhub.ListProgressUpdateStreamsResult: lmigrationhub.Page
---@field ProgressUpdateStreamSummaryList? lmigrationhub.ProgressUpdateStreamSummary[]

---@class lmigrationhub.ListSourceResourcesResult: lmigrationhub.Page
---@field SourceResourceList? lmigrationhub.SourceResource[]

-- Errors.

---@alias lmigrationhub.ErrorKind
---| "service" # the service refused
---| "transport" # no answer came
---| "response" # an answer that makes no sense
---| "credentials" # none were found, or their source failed
---| "config" # a setting is missing or wrong; of `new` only
---| "validation" # parameters or options are wrong; nothing was sent
---| "pagination" # the service lists in a circle
---| "item" # what `concurrently` ran raised something else, the cause

---@alias lmigrationhub.ErrorCode
---| "AccessDeniedException" # the caller may not do this
---| "DryRunOperation" # with DryRun: it would have been done
---| "HomeRegionNotSetException" # the account has not chosen its home region
---| "InternalServerError" # tried again
---| "InvalidInputException" # the service finds a parameter wrong
---| "InvalidToken" # a page token that is unknown or older than 24 hours
---| "PolicyErrorException" # the service has no access to Application Discovery Service
---| "ResourceNotFoundException" # there is no such stream, task, application or configuration
---| "ServiceUnavailableException" # tried again
---| "ThrottlingException" # too many calls; tried again
---| "UnauthorizedOperation" # with DryRun: it would have been refused
---| "Timeout" # kind transport: no answer in time; tried again
---| "ConnectionError" # kind transport: no connection, or it broke; tried again
---| "TLSError" # kind transport: no trust in the other side
---| "ProtocolError" # kind transport: what came is no HTTP; tried again
---| "ResponseTooLarge" # kind transport
---| "TransportError" # kind transport: of an own transport that names no kind
---| "InvalidResponse" # kind response
---| "NoCredentials" # kind credentials: nowhere any
---| "InvalidCredentials" # kind credentials: a source holds a mistake
---| "CredentialsError" # kind credentials: a source failed
---| "LoginRequired" # kind credentials: the user must log in again
---| "NoRegion" # kind config
---| "InvalidConfiguration" # kind config
---| "ValidationError" # kind validation
---| "PaginationError" # kind pagination
---| "ItemError" # kind item
---| string # any AWS service has more, of signatures and credentials

---@class lmigrationhub.Error one line for people with tostring(); never holds a secret
---@field kind lmigrationhub.ErrorKind
---@field code lmigrationhub.ErrorCode
---@field message string for a person
---@field operation? string the AWS name of the operation that was called
---@field status? integer HTTP status of the answer
---@field request_id? string the service's name for the request; AWS support asks for it
---@field attempts? integer how often the request was sent
---@field retry_after? number seconds the service asked to wait
---@field item? any for which `concurrently` ran what failed
---@field traceback? string of that
---@field cause? any what was raised, where this is not all of it

-- What a client is made of.

---@class lmigrationhub.Credentials
---@field access_key_id string
---@field secret_access_key string
---@field session_token? string of temporary credentials
---@field account_id? string
---@field expiration? number seconds since 1970 UTC: when a function is asked again; only from one

--- Asked at the first call and when what it gave ends; nil and a message: it has none.
---@alias lmigrationhub.CredentialsFunction fun(): lmigrationhub.Credentials?, string?

---@alias lmigrationhub.TransportFailure
---| "timeout"
---| "connection"
---| "tls"
---| "protocol"
---| "too_large"

---@class lmigrationhub.Timeouts
---@field connect number seconds until the connection, TLS included, is ready
---@field total number seconds for the whole attempt

---@class lmigrationhub.Request
---@field method string
---@field url string http or https; sent as it is
---@field headers? table<string, string|string[]> sent as they are; Host and framing are added
---@field body? string
---@field timeouts lmigrationhub.Timeouts

---@class lmigrationhub.Response
---@field status integer
---@field headers table<string, string> names in lower case; repeated ones joined by ", "
---@field body string

--- What the option `transport` may be. It follows no redirects and verifies certificates and names.
--- A wait that fails gives nil, a message and a lmigrationhub.TransportFailure.
---@class lmigrationhub.Transport
---@field start fun(self, request: lmigrationhub.Request): any something to wait for
---@field wait fun(self, pending: any): lmigrationhub.Response?, string?, string?
---@field send fun(self, request: lmigrationhub.Request): lmigrationhub.Response?, string?, string?
---@field sleep fun(self, seconds: number)
---@field now? fun(self): number seconds since any point in the past, on a clock that nobody sets
---@field cancel? fun(self, pending: any) nobody will wait for it any more
---@field concurrently? fun(self, next_item: function, limit: integer|fun(): integer, fn: function)
---@field is_exiting? fun(self): boolean is the process about to end?
---@field close fun(self)

--- README.md has their environment variables and keys of the shared config file.
---@class (exact) lmigrationhub.Options
---@field region? string of the account's home region; must be found somewhere
---@field profile? string of the shared config files; without one, "default"
---@field endpoint? string URL, instead of the region's
---@field ignore_configured_endpoint_urls? boolean take no URL but the option's
---@field use_fips? boolean
---@field use_dualstack? boolean IPv6 too
---@field max_attempts? integer tries of a call in all, from 1; default 3
---@field retry_mode? "standard"|"adaptive" adaptive also paces throttled calls; default "standard"
---@field correct_clock_skew? boolean sign with the service's time where ours is off; default true
---@field connect_timeout? number seconds to connect, TLS included; default 5
---@field timeout? number seconds for a whole attempt; default 30
---@field ca_file? string PEM file of the trusted authorities, instead of the system's
---@field proxy? string URL of an HTTP proxy
---@field no_proxy? string hosts that are reached without it, separated by commas
---@field app_id? string goes into the user agent: 1 to 50 bytes
---@field logger? fun(level: "debug"|"info"|"warn", message: string) gets no secret
---@field transport? lmigrationhub.Transport instead of the built-in one
---@field credentials? lmigrationhub.Credentials|lmigrationhub.CredentialsFunction before all others
---@field cache? string name of the lua_shared_dict in which nginx's workers share renewed ones
---@field mfa_code? fun(serial: string): string? asked when a role wants a code
---@field sts_regional_endpoints? "regional"|"legacy" where roles are asked for; default "regional"

-- Listings, following and many at once.

---@class (exact) lmigrationhub.ListOptions
---@field max_items? integer end after so many, from 0
---@field resume? string go on exactly after the item at which cursor:position() gave this
---@field prefetch? boolean ask for the next page while the one at hand is worked on

---@class (exact) lmigrationhub.FollowOptions
---@field interval? number seconds between readings, give or take a tenth; without it, 10
---@field timeout? number seconds after which the iteration ends; without it, never
---@field until_status? string|string[] latest status that ends it; without it, COMPLETED and FAILED

---@class (exact) lmigrationhub.FollowParameters: lmigrationhub.TaskParameters
---@field MaxResults? integer 1 to 100

---@class (exact) lmigrationhub.ConcurrencyOptions
---@field stop_on_error? boolean without it, true

---@class lmigrationhub.Cursor a listing under way
---@field page? table the page at hand, as the service gave it
local Cursor = {}

--- A short text from which a later listing with the same parameters goes on exactly after the last
--- item handed out (option `resume`). Good for as long as the service's page token in it: 24 hours.
---@return string position
function Cursor:position() end

--- Ends the listing and lets go of its page.
function Cursor:close() end

---@class lmigrationhub.Follower a task being followed
---@field ended? "status"|"timeout"|"exiting"|"closed" why the iteration ended
local Follower = {}

--- Ends the iteration.
function Follower:close() end

---@alias lmigrationhub.PaginatedOperation
---| "list_application_states"
---| "list_created_artifacts"
---| "list_discovered_resources"
---| "list_migration_task_updates"
---| "list_migration_tasks"
---| "list_progress_update_streams"
---| "list_source_resources"

-- The client.

--- One method per operation: parameters in, result out. Every failure is raised, as a
--- lmigrationhub.Error. Any operation may raise: AccessDeniedException, InternalServerError,
--- InvalidInputException, ServiceUnavailableException, ThrottlingException; and with DryRun:
--- DryRunOperation, UnauthorizedOperation.
---@class lmigrationhub.Client
local Client = {}

--- Notes on a task what its migration made, such as an AMI.
--- May also raise: HomeRegionNotSetException, ResourceNotFoundException.
---@param parameters lmigrationhub.AssociateCreatedArtifactRequest
---@return lmigrationhub.EmptyResult
function Client:associate_created_artifact(parameters) end

--- Notes on a task which server of Application Discovery Service it migrates.
--- May also raise: HomeRegionNotSetException, PolicyErrorException, ResourceNotFoundException.
---@param parameters lmigrationhub.AssociateDiscoveredResourceRequest
---@return lmigrationhub.EmptyResult
function Client:associate_discovered_resource(parameters) end

--- Notes on a task what it migrates, by a name of its own environment.
--- May also raise: ResourceNotFoundException.
---@param parameters lmigrationhub.AssociateSourceResourceRequest
---@return lmigrationhub.EmptyResult
function Client:associate_source_resource(parameters) end

--- Makes a stream: the name under which a migration tool keeps its tasks.
--- May also raise: HomeRegionNotSetException.
---@param parameters lmigrationhub.CreateProgressUpdateStreamRequest
---@return lmigrationhub.EmptyResult
function Client:create_progress_update_stream(parameters) end

--- Deletes a stream with all its tasks; the service goes on deleting after the call.
--- May also raise: HomeRegionNotSetException, ResourceNotFoundException.
---@param parameters lmigrationhub.DeleteProgressUpdateStreamRequest
---@return lmigrationhub.EmptyResult
function Client:delete_progress_update_stream(parameters) end

--- Reads how far the migration of an application is.
--- May also raise: HomeRegionNotSetException, PolicyErrorException, ResourceNotFoundException.
---@param parameters lmigrationhub.DescribeApplicationStateRequest
---@return lmigrationhub.DescribeApplicationStateResult
function Client:describe_application_state(parameters) end

--- Reads a task: its latest state and the attributes of its resource.
--- May also raise: HomeRegionNotSetException, ResourceNotFoundException.
---@param parameters lmigrationhub.DescribeMigrationTaskRequest
---@return lmigrationhub.DescribeMigrationTaskResult
function Client:describe_migration_task(parameters) end

--- Takes back what associate_created_artifact noted.
--- May also raise: HomeRegionNotSetException, ResourceNotFoundException.
---@param parameters lmigrationhub.DisassociateCreatedArtifactRequest
---@return lmigrationhub.EmptyResult
function Client:disassociate_created_artifact(parameters) end

--- Takes back what associate_discovered_resource noted.
--- May also raise: HomeRegionNotSetException, ResourceNotFoundException.
---@param parameters lmigrationhub.DisassociateDiscoveredResourceRequest
---@return lmigrationhub.EmptyResult
function Client:disassociate_discovered_resource(parameters) end

--- Takes back what associate_source_resource noted.
--- May also raise: ResourceNotFoundException.
---@param parameters lmigrationhub.DisassociateSourceResourceRequest
---@return lmigrationhub.EmptyResult
function Client:disassociate_source_resource(parameters) end

--- Registers a task: a server or database being migrated. Its states come after that.
--- May also raise: HomeRegionNotSetException, ResourceNotFoundException.
---@param parameters lmigrationhub.ImportMigrationTaskRequest
---@return lmigrationhub.EmptyResult
function Client:import_migration_task(parameters) end

--- Reads a page of the states of applications.
--- May also raise: HomeRegionNotSetException.
---@param parameters? lmigrationhub.ListApplicationStatesRequest
---@return lmigrationhub.ListApplicationStatesResult
function Client:list_application_states(parameters) end

--- Reads a page of what the migration of a task made.
--- May also raise: HomeRegionNotSetException, ResourceNotFoundException.
---@param parameters lmigrationhub.ListCreatedArtifactsRequest
---@return lmigrationhub.ListCreatedArtifactsResult
function Client:list_created_artifacts(parameters) end

--- Reads a page of the discovered resources of a task.
--- May also raise: HomeRegionNotSetException, ResourceNotFoundException.
---@param parameters lmigrationhub.ListDiscoveredResourcesRequest
---@return lmigrationhub.ListDiscoveredResourcesResult
function Client:list_discovered_resources(parameters) end

--- Reads a page of a task's updates, each a state that it was in.
--- May also raise: ResourceNotFoundException.
---@param parameters lmigrationhub.ListMigrationTaskUpdatesRequest
---@return lmigrationhub.ListMigrationTaskUpdatesResult
function Client:list_migration_task_updates(parameters) end

--- Reads a page of the account's tasks, or of those of one resource.
--- May also raise: HomeRegionNotSetException, PolicyErrorException, ResourceNotFoundException.
---@param parameters? lmigrationhub.ListMigrationTasksRequest
---@return lmigrationhub.ListMigrationTasksResult
function Client:list_migration_tasks(parameters) end

--- Reads a page of the account's streams.
--- May also raise: HomeRegionNotSetException.
---@param parameters? lmigrationhub.ListProgressUpdateStreamsRequest
---@return lmigrationhub.ListProgressUpdateStreamsResult
function Client:list_progress_update_streams(parameters) end

--- Reads a page of the source resources of a task.
--- May also raise: ResourceNotFoundException.
---@param parameters lmigrationhub.ListSourceResourcesRequest
---@return lmigrationhub.ListSourceResourcesResult
function Client:list_source_resources(parameters) end

--- Tells how far the migration of an application is.
--- May also raise: HomeRegionNotSetException, PolicyErrorException, ResourceNotFoundException.
---@param parameters lmigrationhub.NotifyApplicationStateRequest
---@return lmigrationhub.EmptyResult
function Client:notify_application_state(parameters) end

--- Tells the state of a task, and when the next state may be expected.
--- May also raise: HomeRegionNotSetException, ResourceNotFoundException.
---@param parameters lmigrationhub.NotifyMigrationTaskStateRequest
---@return lmigrationhub.EmptyResult
function Client:notify_migration_task_state(parameters) end

--- Tells what a task's resource may be known by, so that Application Discovery Service finds it.
--- May also raise: HomeRegionNotSetException, ResourceNotFoundException.
---@param parameters lmigrationhub.PutResourceAttributesRequest
---@return lmigrationhub.EmptyResult
function Client:put_resource_attributes(parameters) end

--- Iterates over the items of list_application_states, page by page.
---@param parameters? lmigrationhub.ListApplicationStatesRequest
---@param options? lmigrationhub.ListOptions
---@return fun(): lmigrationhub.ApplicationState?, lmigrationhub.Cursor? iterator
function Client:application_states(parameters, options) end

--- Iterates over the items of list_created_artifacts, page by page.
---@param parameters lmigrationhub.ListCreatedArtifactsRequest
---@param options? lmigrationhub.ListOptions
---@return fun(): lmigrationhub.CreatedArtifact?, lmigrationhub.Cursor? iterator
function Client:created_artifacts(parameters, options) end

--- Iterates over the items of list_discovered_resources, page by page.
---@param parameters lmigrationhub.ListDiscoveredResourcesRequest
---@param options? lmigrationhub.ListOptions
---@return fun(): lmigrationhub.DiscoveredResource?, lmigrationhub.Cursor? iterator
function Client:discovered_resources(parameters, options) end

--- Iterates over the items of list_migration_task_updates, page by page.
---@param parameters lmigrationhub.ListMigrationTaskUpdatesRequest
---@param options? lmigrationhub.ListOptions
---@return fun(): lmigrationhub.MigrationTaskUpdate?, lmigrationhub.Cursor? iterator
function Client:migration_task_updates(parameters, options) end

--- Iterates over the items of list_migration_tasks, page by page.
---@param parameters? lmigrationhub.ListMigrationTasksRequest
---@param options? lmigrationhub.ListOptions
---@return fun(): lmigrationhub.MigrationTaskSummary?, lmigrationhub.Cursor? iterator
function Client:migration_tasks(parameters, options) end

--- Iterates over the items of list_progress_update_streams, page by page.
---@param parameters? lmigrationhub.ListProgressUpdateStreamsRequest
---@param options? lmigrationhub.ListOptions
---@return fun(): lmigrationhub.ProgressUpdateStreamSummary?, lmigrationhub.Cursor? iterator
function Client:progress_update_streams(parameters, options) end

--- Iterates over the items of list_source_resources, page by page.
---@param parameters lmigrationhub.ListSourceResourcesRequest
---@param options? lmigrationhub.ListOptions
---@return fun(): lmigrationhub.SourceResource?, lmigrationhub.Cursor? iterator
function Client:source_resources(parameters, options) end

--- Iterates over the pages of a listing: `for page, cursor in hub:pages("list_migration_tasks")`.
---@param operation_name lmigrationhub.PaginatedOperation
---@param parameters? table of that operation
---@param options? lmigrationhub.ListOptions
---@return fun(): table?, lmigrationhub.Cursor? iterator over that operation's results
function Client:pages(operation_name, parameters, options) end

--- Follows a task: yields its updates as they come, old ones first, each once, and ends when the
--- task has COMPLETED or FAILED: `for update, follower in hub:follow(…)`.
---@param parameters lmigrationhub.FollowParameters
---@param options? lmigrationhub.FollowOptions
---@return fun(): lmigrationhub.MigrationTaskUpdate?, lmigrationhub.Follower? iterator
function Client:follow(parameters, options) end

--- Runs fn(item, index) for each item, many at once on one thread: what waits in one lets the
--- others go on. While the service throttles there are fewer. In PUC Lua 5.1 one comes after the
--- other. What one raises stops the others and is raised as a lmigrationhub.Error with `item` and
--- `traceback`; with stop_on_error = false the others go on, and the errors are returned.
---@param items any[]|fun(): any a list, or an iterator function
---@param limit? integer how many at once, from 1; without it, 8
---@param fn fun(item: any, index: integer): any
---@param options? lmigrationhub.ConcurrencyOptions
---@return table<integer, any> results the first value that fn returned, by the item's index
---@return table<integer, lmigrationhub.Error> errors by the item's index
function Client:concurrently(items, limit, fn, options) end

--- Closes the client's connections. A closed client cannot be used again; closing twice is fine.
function Client:close() end

---@class lmigrationhub
---@field _VERSION string
local migrationhub = {}

--- Makes a client. It does no network I/O: credentials are looked for at the first call.
--- Raises a lmigrationhub.Error of kind "config".
---@param options? lmigrationhub.Options
---@return lmigrationhub.Client
function migrationhub.new(options) end

--- Tells an error object of this library from any other value.
---@param value any
---@return boolean
function migrationhub.is_error(value) end

return migrationhub
