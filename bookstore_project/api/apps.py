from django.apps import AppConfig, apps

ACCOUNTS_IN_WORDS = {"auth": "Accounts", "authtoken": "Tokens for programs"}
"""What the framework's own parts of the admin are called, by their labels."""


class APIConfig(AppConfig):
    name = "bookstore_project.api"
    label = "api"

    def ready(self) -> None:
        from bookstore_project.nodes import unhandled_exceptions

        unhandled_exceptions.watch()
        for label, words in ACCOUNTS_IN_WORDS.items():
            apps.get_app_config(label).verbose_name = words
