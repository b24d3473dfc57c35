"""The admin, with the site of this store. (A module of its own: Django takes each configuration that it finds.)"""

from django.contrib.admin.apps import AdminConfig


class StoreAdminConfig(AdminConfig):
    default = False
    default_site = "bookstore_project.api.admin_site.StoreAdminSite"
