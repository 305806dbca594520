-- DATA: the settings of a client. Of each: its type, which config.lua knows; the environment
-- variables that may hold it, the first that is set wins; its key in a profile of the shared config
-- file; its default. option = false: it is not given in code. url_of: the service whose endpoint
-- URL it is, as the environment and the file spell that.

return {
  region = { type = "text", environment = { "AWS_REGION", "AWS_DEFAULT_REGION" }, key = "region" },
  profile = { type = "text", environment = { "AWS_DEFAULT_PROFILE", "AWS_PROFILE" } },
  endpoint = { type = "text", url_of = { "MIGRATION_HUB", "migration_hub" } },
  endpoint_sts = { type = "text", url_of = { "STS", "sts" }, option = false },
  endpoint_sso = { type = "text", url_of = { "SSO", "sso" }, option = false },
  endpoint_sso_oidc = { type = "text", url_of = { "SSO_OIDC", "sso_oidc" }, option = false },
  endpoint_signin = { type = "text", url_of = { "SIGNIN", "signin" }, option = false },
  ignore_configured_endpoint_urls = {
    type = "boolean", environment = { "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" },
    key = "ignore_configured_endpoint_urls",
  },
  use_fips = {
    type = "boolean", environment = { "AWS_USE_FIPS_ENDPOINT" }, key = "use_fips_endpoint",
  },
  use_dualstack = {
    type = "boolean", environment = { "AWS_USE_DUALSTACK_ENDPOINT" },
    key = "use_dualstack_endpoint",
  },

  max_attempts = {
    type = "count", environment = { "AWS_MAX_ATTEMPTS" }, key = "max_attempts", default = 3,
  },
  retry_mode = {
    type = "retry_mode", environment = { "AWS_RETRY_MODE" }, key = "retry_mode",
    default = "standard",
  },
  correct_clock_skew = { type = "boolean", default = true },
  connect_timeout = { type = "seconds", default = 5 },
  timeout = { type = "seconds", default = 30 },
  ca_file = { type = "text", environment = { "AWS_CA_BUNDLE" }, key = "ca_bundle" },
  proxy = { type = "text" },
  https_proxy = { type = "text", environment = { "HTTPS_PROXY", "https_proxy" }, option = false },
  no_proxy = { type = "text", environment = { "NO_PROXY", "no_proxy" } },
  app_id = { type = "app_id", environment = { "AWS_SDK_UA_APP_ID" }, key = "sdk_ua_app_id" },
  logger = { type = "fn" },
  transport = { type = "transport" },

  credentials = { type = "credentials" },
  cache = { type = "text" },
  mfa_code = { type = "fn" },
  access_key_id = { type = "text", environment = { "AWS_ACCESS_KEY_ID" }, option = false },
  secret_access_key = { type = "text", environment = { "AWS_SECRET_ACCESS_KEY" }, option = false },
  session_token = {
    type = "text", environment = { "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN" }, option = false,
  },
  credential_expiration = {
    type = "text", environment = { "AWS_CREDENTIAL_EXPIRATION" }, option = false,
  },
  account_id = { type = "text", environment = { "AWS_ACCOUNT_ID" }, option = false },
  role_arn = { type = "text", environment = { "AWS_ROLE_ARN" }, option = false },
  role_session_name = { type = "text", environment = { "AWS_ROLE_SESSION_NAME" }, option = false },
  web_identity_token_file = {
    type = "text", environment = { "AWS_WEB_IDENTITY_TOKEN_FILE" }, option = false,
  },
  sts_regional_endpoints = {
    type = "sts_mode", environment = { "AWS_STS_REGIONAL_ENDPOINTS" },
    key = "sts_regional_endpoints", default = "regional",
  },

  ec2_metadata_disabled = {
    type = "boolean", environment = { "AWS_EC2_METADATA_DISABLED" }, option = false,
  },
  ec2_metadata_v1_disabled = {
    type = "boolean", environment = { "AWS_EC2_METADATA_V1_DISABLED" },
    key = "ec2_metadata_v1_disabled", option = false,
  },
  ec2_metadata_service_endpoint = {
    type = "text", environment = { "AWS_EC2_METADATA_SERVICE_ENDPOINT" },
    key = "ec2_metadata_service_endpoint", option = false,
  },
  ec2_metadata_service_endpoint_mode = {
    type = "text", environment = { "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE" },
    key = "ec2_metadata_service_endpoint_mode", option = false,
  },
  metadata_service_timeout = {
    type = "seconds", environment = { "AWS_METADATA_SERVICE_TIMEOUT" },
    key = "metadata_service_timeout", default = 1, option = false,
  },
  metadata_service_num_attempts = {
    type = "count", environment = { "AWS_METADATA_SERVICE_NUM_ATTEMPTS" },
    key = "metadata_service_num_attempts", option = false,
  },
  login_cache_directory = {
    type = "text", environment = { "AWS_LOGIN_CACHE_DIRECTORY" }, option = false,
  },
  container_credentials_relative_uri = {
    type = "text", environment = { "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" }, option = false,
  },
  container_credentials_full_uri = {
    type = "text", environment = { "AWS_CONTAINER_CREDENTIALS_FULL_URI" }, option = false,
  },
  container_authorization_token = {
    type = "text", environment = { "AWS_CONTAINER_AUTHORIZATION_TOKEN" }, option = false,
  },
  container_authorization_token_file = {
    type = "text", environment = { "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" }, option = false,
  },
}
